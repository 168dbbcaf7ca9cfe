"""What is kept: PostgreSQL tables, blobs and jobs. SQL lives here and nowhere above."""
