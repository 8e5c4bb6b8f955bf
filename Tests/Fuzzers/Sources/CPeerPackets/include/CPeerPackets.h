#ifndef C_PEER_PACKETS_H
#define C_PEER_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The shim's packet filter, without a connection (receiver.c) --------------------------------------------------- */

/* A session that was never connected, with one watched channel of number 0, and the shim's peer of it. */
typedef struct packet_receiver packet_receiver;

/* With names of host keys to choose from, and every other login made to wait, or neither. */
packet_receiver *packet_receiver_new(bool is_server);
void packet_receiver_free(packet_receiver *receiver);

/* Gives the shim one message, without its number, as if it had come from the peer: in memory of exactly its length.
 * Returns what is wrong with the shim's state after it; NULL if nothing is. */
const char *packet_receiver_take(packet_receiver *receiver, uint8_t number, const uint8_t *bytes, size_t length);

/* ---- A client that sends any packets (sender.c) -------------------------------------------------------------------- */

/* A connection that has logged in, and the numbers of the channels that the server has confirmed. */
typedef struct packet_sender packet_sender;

/* Logs in on loopback with a new key, as user `fuzz`. NULL if it cannot. */
packet_sender *packet_sender_connect(uint16_t port);
void packet_sender_free(packet_sender *sender);

/* Sends one packet, its number first. */
void packet_sender_send(packet_sender *sender, const uint8_t *packet, size_t length);

/* Waits until the server has handled everything; false if the connection is over. */
bool packet_sender_wait(packet_sender *sender);

/* How many channels have been confirmed, and the server's number of one. */
uint32_t packet_sender_channels(const packet_sender *sender);
uint32_t packet_sender_channel(const packet_sender *sender, uint32_t index);
void packet_sender_forget_channels(packet_sender *sender);

#endif
