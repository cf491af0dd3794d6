//! Choices and numbers.
