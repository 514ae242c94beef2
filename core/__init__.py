"""What every room stands on: errors, names, files, records, source hashes. Needs the standard library only."""
