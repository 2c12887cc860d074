"""The custom resources `GPUPool`, `Tenant` and `TrainingJob` as frozen models, and the words that all layers share."""
