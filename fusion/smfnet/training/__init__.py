"""Training of SMFNet: recipes, patches, losses, the two stages."""
