// Networks, host interfaces, nwfilters.
// Names and values as in libvirt's public headers, release 9.0.0; later releases only add members.

export const virNetworkXMLFlags = {
  VIR_NETWORK_XML_INACTIVE: 1,
} as const;

export const virConnectListAllNetworksFlags = {
  VIR_CONNECT_LIST_NETWORKS_INACTIVE: 1,
  VIR_CONNECT_LIST_NETWORKS_ACTIVE: 2,
  VIR_CONNECT_LIST_NETWORKS_PERSISTENT: 4,
  VIR_CONNECT_LIST_NETWORKS_TRANSIENT: 8,
  VIR_CONNECT_LIST_NETWORKS_AUTOSTART: 16,
  VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART: 32,
} as const;

export const virNetworkCreateFlags = {
  VIR_NETWORK_CREATE_VALIDATE: 1,
} as const;

export const virNetworkDefineFlags = {
  VIR_NETWORK_DEFINE_VALIDATE: 1,
} as const;

export const virNetworkUpdateCommand = {
  VIR_NETWORK_UPDATE_COMMAND_NONE: 0,
  VIR_NETWORK_UPDATE_COMMAND_MODIFY: 1,
  VIR_NETWORK_UPDATE_COMMAND_DELETE: 2,
  VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST: 4,
} as const;

export const virNetworkUpdateSection = {
  VIR_NETWORK_SECTION_NONE: 0,
  VIR_NETWORK_SECTION_BRIDGE: 1,
  VIR_NETWORK_SECTION_DOMAIN: 2,
  VIR_NETWORK_SECTION_IP: 3,
  VIR_NETWORK_SECTION_IP_DHCP_HOST: 4,
  VIR_NETWORK_SECTION_IP_DHCP_RANGE: 5,
  VIR_NETWORK_SECTION_FORWARD: 6,
  VIR_NETWORK_SECTION_FORWARD_INTERFACE: 7,
  VIR_NETWORK_SECTION_FORWARD_PF: 8,
  VIR_NETWORK_SECTION_PORTGROUP: 9,
  VIR_NETWORK_SECTION_DNS_HOST: 10,
  VIR_NETWORK_SECTION_DNS_TXT: 11,
  VIR_NETWORK_SECTION_DNS_SRV: 12,
} as const;

export const virNetworkUpdateFlags = {
  VIR_NETWORK_UPDATE_AFFECT_CURRENT: 0,
  VIR_NETWORK_UPDATE_AFFECT_LIVE: 1,
  VIR_NETWORK_UPDATE_AFFECT_CONFIG: 2,
} as const;

export const virNetworkEventLifecycleType = {
  VIR_NETWORK_EVENT_DEFINED: 0,
  VIR_NETWORK_EVENT_UNDEFINED: 1,
  VIR_NETWORK_EVENT_STARTED: 2,
  VIR_NETWORK_EVENT_STOPPED: 3,
} as const;

export const virNetworkEventID = {
  VIR_NETWORK_EVENT_ID_LIFECYCLE: 0,
} as const;

export const virIPAddrType = {
  VIR_IP_ADDR_TYPE_IPV4: 0,
  VIR_IP_ADDR_TYPE_IPV6: 1,
} as const;

export const virNetworkPortCreateFlags = {
  VIR_NETWORK_PORT_CREATE_RECLAIM: 1,
  VIR_NETWORK_PORT_CREATE_VALIDATE: 2,
} as const;

export const virConnectListAllInterfacesFlags = {
  VIR_CONNECT_LIST_INTERFACES_INACTIVE: 1,
  VIR_CONNECT_LIST_INTERFACES_ACTIVE: 2,
} as const;

export const virInterfaceXMLFlags = {
  VIR_INTERFACE_XML_INACTIVE: 1,
} as const;

export const virInterfaceDefineFlags = {
  VIR_INTERFACE_DEFINE_VALIDATE: 1,
} as const;

export const virNWFilterDefineFlags = {
  VIR_NWFILTER_DEFINE_VALIDATE: 1,
} as const;

export const virNWFilterBindingCreateFlags = {
  VIR_NWFILTER_BINDING_CREATE_VALIDATE: 1,
} as const;
