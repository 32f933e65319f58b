"""One formula, many points: arrays in and out (`arrays`), and tables of any length (`tables`)."""
