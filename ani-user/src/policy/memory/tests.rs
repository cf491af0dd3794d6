//! The order of decision.
