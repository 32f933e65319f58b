"""What people type: the grammar, the parser, the tree, and how a tree becomes a graph."""
