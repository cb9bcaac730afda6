package main

// What tests of the program as a whole run as processes.

// Main is the program.
func Main() { main() }

// StrangeNode is the one that scripts know as strange-node.
func StrangeNode() { strangeNode() }
