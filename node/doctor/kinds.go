package doctor

// Kind is a kind of finding. Cause and Cure hold {placeholders} that a Result
// fills in.
type Kind struct {
	ID    string // stable
	Cause string
	Cure  string
}

// Kinds lists every finding that there is.
func Kinds() []Kind {
	return []Kind{
		{"no-end", "something that the check waits for does not answer", "run doctor again; if it stays, look at the disk, the network mounts and the name servers of this machine"},

		{"node-deaf", "process {pid} holds the data directory, and its API at {api} does not answer: it hangs, or the API was taken by another program", "look at the node's log; stop process {pid} and start the node again"},
		{"api-stranger", "what answers at {api} is a node of another chain", "choose another address with --api, or name that node's settings"},
		{"not-ready", "the running node says of itself that it is not fit for use", "{cure}"},

		{"directory-unusable", "the data directory cannot be read or written by this user", "give it to the user who runs the node (chown -R USER {dir}; chmod 700 {dir}), or name another with --data-dir"},
		{"directory-open", "others on this machine can read the node's key or its API token", "chmod -R go-rwx {dir}"},
		{"other-chain", "the data directory holds the chain of another genesis", "name another directory with --data-dir, or that chain's file with --genesis"},
		{"newer-format", "the data directory was written by a newer version of lp2pnode", "use that version, or a newer one"},
		{"directory-damaged", "the database in the data directory cannot be opened", "restore a backup, or move {dir}/chain away: the node then fetches the chain from its peers"},

		{"disk-slow", "each block waits until it is on the disk, and this one takes {took} for that", "put the data directory on a local SSD; network drives and worn memory cards are slow to sync"},
		{"disk-broken", "the disk does not take what is written to it", "look at the system's log (dmesg) for errors of the disk; a full or read-only one says so there"},
		{"space-low", "there is little room left where the data directory is, and a node stops writing before the disk is full", "make room, or move the data directory (--data-dir) to a larger disk"},
		{"files-few", "a node holds up to {need} files and connections open at a time, and this process may hold {limit}", "raise the limit: ulimit -n 4096 in the shell, LimitNOFILE=4096 in a systemd unit, ulimits: nofile in compose"},

		{"port-taken", "another program listens on {addr}", "stop that program (ss -ltnp names it), or choose another port: {setting}"},
		{"port-unusable", "{addr} cannot be listened on: {why}", "choose an address that this machine has, and a port above 1023: {setting}"},
		{"port-closed", "a firewall of this machine does not let {addr} in", "open TCP port {port} for incoming connections (ufw allow {port}/tcp, firewall-cmd --add-port={port}/tcp --permanent)"},

		{"no-interface", "no interface is up on which neighbours could be found", "connect the machine to a network; nodes elsewhere are joined with --bootstrap"},
		{"multicast-blocked", "multicast is blocked on {interface}: a firewall of this machine drops UDP port 5353, or the driver does not carry multicast", "allow UDP port 5353 in and out (ufw allow 5353/udp, firewall-cmd --add-service=mdns --permanent); until then join neighbours with --bootstrap"},

		{"name-unresolved", "the name of the entry has no address", "check its spelling and this machine's name servers (getent hosts {name}), or write the address in its place"},
		{"entry-refused", "nothing listens at {addr}: the node there is stopped or uses another port, or a firewall refuses", "see that the node there runs (lp2pnode status) and which addresses it prints; correct the entry"},
		{"entry-silent", "nobody answers at {addr} in time: the machine is off, the address is another's, or a firewall or NAT on the way drops it", "check the address; open the node's TCP port in the firewalls on the way, and forward it where there is a NAT"},
		{"entry-unreachable", "this machine has no way to {addr}", "check the address and this machine's network (ip route get ADDRESS)"},
		{"entry-no-node", "something answers at {addr}, but it is no lp2pnode", "check the port: peers are met at the p2p port (9470), not at the API's (9471)"},
		{"other-identity", "another node answers at {addr} than the entry names", "if {id} is to be trusted, write {addr}/p2p/{id}; else find out who took the address"},
		{"other-genesis", "the node there keeps another chain, with genesis {theirs}; ours is {ours}", "give both the same genesis file with --genesis (lp2pnode genesis hash FILE shows which it is), or remove the entry"},
		{"no-status", "the node there does not answer by this protocol: it is no lp2pnode, or a version that does not fit", "compare the versions of both (lp2pnode version), and update the older"},

		{"nated", "peers see this machine as {seen}, which is none of its own addresses and none that it announces: there is a NAT between, and nobody there can dial it", "forward TCP port {port} of {seen} to this machine, and start the node with --announce /{family}/{seen}/tcp/{port}"},
		{"announce-wrong", "the node announces addresses that lead elsewhere than where peers see it: {seen}", "correct --announce, or the DNS record that it names"},
		{"announce-unresolved", "a name that the node announces has no address", "correct --announce, or make the DNS record"},

		{"clock-off", "this clock is {off} the median of {peers}; a node whose clock is too far off does not mine, and its blocks are refused", "set the clock by NTP (timedatectl set-ntp true), on this machine or, if it is right, on theirs"},
		{"clock-before-genesis", "by this clock the chain has not begun yet", "set the clock right (timedatectl set-ntp true), or the timestamp in the genesis file"},

		{"version-old", "this is {ours}, and peers run {theirs}", "update: install the new binary, run lp2pnode version, restart the node"},
		{"version-restart", "the running node is {theirs}, this program {ours}", "restart the node, so that the installed version runs"},
	}
}
