"""What a project keeps; the only home of SQLAlchemy. It computes nothing."""
