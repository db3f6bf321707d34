//! The driver: device endpoints, administration, jobs and configuration.
