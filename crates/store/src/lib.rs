//! Where it stays: SQLite or MySQL behind one set of queries.
