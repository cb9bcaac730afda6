// Package client speaks to the HTTP API of a node: the types on its wire and a
// Go client, which the command line itself uses.
//
// It believes no hash that it can compute: blocks and headers that do not hash
// to what they say are an error. It never retries, caches or logs. Of this
// module it imports only chain, so that a program that embeds it carries no
// node.
package client
