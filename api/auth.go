package api

import (
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
)

// adminPath is where the node itself is worked on.
const adminPath = "/v1/admin/"

// permit returns nil or what to answer to whoever may not do what r asks for.
// Reading is for everybody whom the guard lets in. Writing is for programs of
// this machine that call it by a name of its own; for others, and for all that
// works on the node itself, it takes the token. Without a token nobody has it.
func (s *Server) permit(r *http.Request) *problem {
	admin := strings.HasPrefix(r.URL.Path, adminPath)
	if !admin && (reads(r) || fromHere(r)) {
		return nil
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case s.token == "":
		return newProblem(http.StatusUnauthorized, "this needs a token, and this node has none; start it with a data directory")
	case !bearer:
		return newProblem(http.StatusUnauthorized, "this needs the header `Authorization: Bearer TOKEN`; the token stands in the file api.token of the node's data directory")
	case subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1:
		return newProblem(http.StatusUnauthorized, "this is not the node's token; it stands in the file api.token of the node's data directory")
	}
	return nil
}

func reads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// forwarding are the headers by which a proxy tells that it calls for another.
var forwarding = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// fromHere tells whether r comes from this machine, as far as can be seen: a
// proxy too calls from here, but it hands on the name that it was called by, or
// says that it is one.
func fromHere(r *http.Request) bool {
	for _, name := range forwarding {
		if _, is := r.Header[name]; is {
			return false
		}
	}
	host, ok := hostName(r.Host)
	if !ok || !boundToLoopback(r) {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
