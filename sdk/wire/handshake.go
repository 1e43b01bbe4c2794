package wire

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
)

// The environment that the host gives a plugin.
const (
	CookieKey   = "PTYCHO_PLUGIN" // tells a plugin that a host started it; no secret
	CookieValue = "5f0a1c8e-ptycho-backend"
	LifelineKey = "PTYCHO_LIFELINE_FD"    // "3": that descriptor's end of file is the host's death
	LogLevelKey = "PTYCHO_LOG_LEVEL"      // trace, debug, info, warn, error or off
	SocketKey   = plugin.EnvUnixSocketDir // where the plugin makes its socket
)

// PluginName is the one entry of the plugin set.
const PluginName = "backend"

// Handshake is what both sides agree on before they speak.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  backend.ProtocolMajor,
		MagicCookieKey:   CookieKey,
		MagicCookieValue: CookieValue,
	}
}

// Plugin is the go-plugin face of both sides. The host leaves Backend empty.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Backend *Server
}

// GRPCServer registers the service.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	p.Backend.Register(g)
	return nil
}

// GRPCClient hands out the connection; the host makes its Client of it.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
