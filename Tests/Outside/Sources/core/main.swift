import PacketTunnel

let configuration = try ServerConfiguration().validated()
let pool = try AddressPool(ipv4: configuration.ipv4Pool, ipv6: configuration.ipv6Pool)
print("capacity", pool.capacity)
