"""The only home of pydicom: headers, roles, volumes, files."""
