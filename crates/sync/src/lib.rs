//! What to do: intake, scan, tail, plan and settle as pure functions.
