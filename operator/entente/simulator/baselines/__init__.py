"""The schedulers that Entente is compared to, each as its sources describe it."""
