"""What stands next to the panes: worklist, growth curve, sign-off."""
