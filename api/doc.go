// Package api is a node's door for programs: HTTP and JSON under /v1, described
// by OpenAPI 3.1 at /openapi.json, which the page at /docs renders. Blocks,
// headers and transactions are the canonical bytes, untouched; every error is a
// problem of RFC 9457. What happens is told at /v1/events to whoever asks from
// which place on, reverted blocks included.
//
// It reads a node and hands in what others made; it judges nothing itself. It
// listens to nobody who is not meant: the Host must name this machine, a page of
// another origin is refused, and what writes must say that it is JSON, so that a
// web page cannot use a visitor's node. From elsewhere than this machine writing
// takes the node's token. It keeps nothing for a follower but places. The
// command line calls New and Serve; api/client speaks to it.
package api
