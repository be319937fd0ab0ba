//! People at work: set up, signed in, out, and what an operator does for others.
