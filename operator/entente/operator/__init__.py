"""The operator: observe, decide, act. `compose` puts it together, `loop` is its heart, `handlers` is where kopf is."""
