// Package client speaks to the HTTP API of a node: the types on its wire and a
// Go client, which the command line itself uses.
//
// It believes no hash that it can compute: blocks and headers that do not hash
// to what they say, receipts that do not hold and events that do not fit
// together are an error. It never caches or logs, and only Events, which goes on
// where it was cut off, tries again. Of this module it imports only chain and
// the engine that judges receipts, so that a program that embeds it carries no
// node.
package client
