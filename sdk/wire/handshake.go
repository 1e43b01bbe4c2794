package wire

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
)

// Environment variables that the host sets for a plugin.
const (
	CookieKey   = "PTYCHO_PLUGIN" // shows a plugin that a host started it; not a secret
	CookieValue = "5f0a1c8e-ptycho-backend"
	LifelineKey = "PTYCHO_LIFELINE_FD"    // "3": end of file on this descriptor means that the host has ended
	LogLevelKey = "PTYCHO_LOG_LEVEL"      // trace, debug, info, warn, error or off
	SocketKey   = plugin.EnvUnixSocketDir // folder for the plugin's socket
)

// PluginName names the only entry of the plugin set.
const PluginName = "backend"

// Handshake returns the values that both sides must agree on before the first call.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  backend.ProtocolMajor,
		MagicCookieKey:   CookieKey,
		MagicCookieValue: CookieValue,
	}
}

// Plugin implements go-plugin's interface for both sides. The host leaves Backend empty.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Backend *Server
}

// GRPCServer registers the service.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	p.Backend.Register(g)
	return nil
}

// GRPCClient returns the connection, from which the host creates its Client.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
