"""What the appliance does, shown on a throwaway box of its own with a model that shows plumbing, not intelligence."""
