"""Small parts without any state of the room: keys, layouts, lines under the mouse, places."""
