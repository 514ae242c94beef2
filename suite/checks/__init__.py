"""What `verify` looks at: each module takes one means of finding out."""
