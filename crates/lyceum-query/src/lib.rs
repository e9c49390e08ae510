//! The DataFusion engine: parse, bind, certify, price, charge, execute, release, finish.
