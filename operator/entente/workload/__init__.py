"""What a training job is in Kubernetes: its pods and Service, and how it moves from phase to phase."""
