//! Bytes and typed messages of the Attendance PUSH protocol.
