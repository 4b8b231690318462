"""When a workspace ends: idleness that is shown, stages that are told in advance, an archive that can be taken back."""
