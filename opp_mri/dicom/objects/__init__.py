"""Objects that refer to the images of a study: registrations, key images, presentation states."""
