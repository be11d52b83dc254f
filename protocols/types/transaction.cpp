#include "protocols/types/transaction.hpp"

namespace seqlab::protocols {

TxId Transaction::compute_id() const {
  return FieldHash<9>{}
      .add(hash_domain("transaction"))
      .add(sender)
      .add(receiver)
      .add(nonce)
      .add(amount)
      .add(fee)
      .add(gas)
      .add(bytes)
      .add(client)
      .finish();
}

bool Transaction::well_formed() const {
  return amount.value >= 0 && fee.value >= 0 && gas > 0 && bytes >= transaction_bytes_min && id == compute_id();
}

}  // namespace seqlab::protocols
