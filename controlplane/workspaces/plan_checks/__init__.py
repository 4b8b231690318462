"""What only Azure can say of a spec, at plan time, before anything is written: one module per part of it. Pure."""
