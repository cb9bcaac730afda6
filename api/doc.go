// Package api is a node's door for programs: HTTP and JSON under /v1, described
// by OpenAPI 3.1 at /openapi.json. Blocks and headers are the canonical bytes,
// untouched; every error is a problem of RFC 9457.
//
// It reads a node and hands in what others made; it judges nothing itself. It
// listens to nobody who is not meant: the Host must name this machine and a
// page of another origin is refused, so that a web page cannot use a visitor's
// node. The command line calls New and Serve; api/client speaks to it.
package api
