"""Pure foundations: errors, ids, clock, context. Imports nothing else of Monostack."""
