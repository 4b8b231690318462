"""One router per resource. A route reads the request, calls one flow, and shows what came back."""
