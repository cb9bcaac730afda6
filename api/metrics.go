package api

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsPath is where Prometheus asks.
const metricsPath = "/metrics"

// metrics are what the API counts of itself; what it serves beside is the node's.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lp2pnode_api_requests_total",
			Help: "Answers of the API, by the first digit of their status.",
		}, []string{"class"}),
	}
	for _, class := range []string{"2xx", "3xx", "4xx", "5xx"} {
		m.requests.WithLabelValues(class)
	}
	m.registry.MustRegister(m.requests,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lp2pnode_api_events_clients",
			Help: "Followers of events.",
		}, func() float64 { return float64(len(s.streams.taken)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lp2pnode_api_requests_in_flight",
			Help: "Requests being answered, without followers and those who watch over the node.",
		}, func() float64 { return float64(len(s.slots.taken)) }),
	)
	return m
}

// answered counts an answer.
func (m *metrics) answered(status int) {
	m.requests.WithLabelValues(strconv.Itoa(status/100) + "xx").Inc()
}

// registerMetrics serves the node's metrics and the API's own.
func (s *Server) registerMetrics(mux *http.ServeMux, n Node) {
	mux.Handle("GET "+metricsPath, promhttp.HandlerFor(
		prometheus.Gatherers{n.Metrics(), s.metrics.registry},
		promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)},
	))
}
