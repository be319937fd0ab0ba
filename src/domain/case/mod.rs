//! Cases: held, challenged and blocked transactions being worked, from the stop to the outcome.
