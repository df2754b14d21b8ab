"""What the model is compared with: encoders, prompted models, and readers of others' decisions."""
