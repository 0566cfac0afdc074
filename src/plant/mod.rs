//! What is controlled: linear plants with delays, and their adjoints.
