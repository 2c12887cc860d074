"""What a tenant is in Kubernetes: its namespaces, rights, quotas and isolation, and how they are kept so."""
