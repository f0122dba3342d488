import { entry } from './entry.ts';

/** Addresses and names on the networks. */
export const networkErrors = {
  address_taken: entry(
    409,
    5,
    'address {address} of network {network} is in use by {owner}',
    'Choose another address, or `pool`.',
  ),
  address_answered: entry(
    409,
    5,
    'address {address} is in use already: {holder} answers for it on {bridge}',
    'Free it there, or choose another one (`--nic NETWORK,ip=ADDRESS`) and keep this one out of the pool (`gantry network set NETWORK --reserve ADDRESS`); `--no-address-check` takes it all the same.',
  ),
  name_resolves: entry(
    409,
    5,
    'name {name} resolves to {address}, {why}',
    'Choose another name, give the NIC that address (`--nic NETWORK,ip=ADDRESS`), or correct the record; `--no-name-check` takes it all the same.',
  ),
  address_outside: entry(
    400,
    2,
    'address {address} is not usable in network {network}: {why}',
    'Choose one inside the subnet, or `pool`.',
  ),
  lease_left_out: entry(
    409,
    1,
    'the NIC {mac} gets no address by DHCP{more}: {why}',
    'The others of its network do. Give that NIC another address (`gantry instance nic set`), or its instance another host name.',
  ),
  pool_exhausted: entry(
    409,
    6,
    'network {network} has no free address in its pool',
    'Enlarge the pool or delete instances.',
  ),
};
