"""What the program does, a module a use case; the only room that joins the parts."""
