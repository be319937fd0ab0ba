//! Feeds: entries, the tree over them, and the signed checkpoints that fix origin, order and completeness.
