package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/guildhall-id/guildhall/internal/gate"
)

// metrics are what Prometheus reads. Routes are the patterns of the router, so that their number is bounded.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

// newMetrics makes them; gates are by the name of their class.
func newMetrics(version string, gates map[string]*gate.Gate) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guildhall_http_requests_total",
			Help: "Requests answered, by route and HTTP status."}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "guildhall_http_request_seconds",
			Help:    "Time from the first byte of a request's headers to the end of its answer, by wire.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"wire"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "guildhall_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.took, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for class, g := range gates {
		labels := prometheus.Labels{"class": class}
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "guildhall_gate_running", Help: "Calls of a class that run.", ConstLabels: labels},
				func() float64 { return float64(g.Load().Running) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "guildhall_gate_waiting", Help: "Calls of a class that wait for their turn.", ConstLabels: labels},
				func() float64 { return float64(g.Load().Waiting) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "guildhall_gate_refused_total", Help: "Calls of a class that were refused because too many ran and waited.", ConstLabels: labels},
				func() float64 { return float64(g.Load().Refused) }))
	}
	return m
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	wire := "other"
	switch {
	case strings.Contains(route, "/api/v3/"):
		wire = "v3"
	case strings.Contains(route, "/graphql"), strings.Contains(route, "/api/v2/"):
		wire = "v2"
	case strings.Contains(route, "/oidc/"):
		wire = "oidc"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(wire).Observe(took.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
