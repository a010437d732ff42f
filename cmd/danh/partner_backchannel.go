// SPDX-License-Identifier: Apache-2.0

package main

import "danh/partner"

// callerFlags are those of clients that ask people on their phones.
type callerFlags struct {
	Backchannel    string `help:"It asks people on their phones (CIBA), and polls for the answer or is pinged." enum:",poll,ping" default:"" placeholder:"poll|ping"`
	Notification   string `help:"Where it is pinged; https." placeholder:"URL"`
	BackchannelAlg string `name:"backchannel-alg" help:"It signs such requests by this algorithm; with fapi2 it must." enum:",ES256,PS256,EdDSA" default:"" placeholder:"ALG"`
}

func (f callerFlags) apply(c *partner.Client) {
	c.Settings.BackchannelMode, c.Settings.NotificationURI, c.Settings.BackchannelAlg = f.Backchannel, f.Notification, f.BackchannelAlg
}
