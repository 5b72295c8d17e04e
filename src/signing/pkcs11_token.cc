#include "signing/pkcs11_token.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "crypto/digest.h"
#include "signing/p11_kit.h"
#include "signing/secret_file.h"

namespace pawl::signing {
namespace {

constexpr size_t kUriBytesMax = 4'096, kPinBytesMax = 255;
constexpr CK_ULONG kSlotsMax = 1'024;

// Whether a PIN is tried where the token says that the one before was wrong.
enum class AfterWrongPin { kRefuse, kTry };

// ---- the URI

struct Uri {
  const P11Kit* p11_kit = nullptr;
  P11KitUri* parsed = nullptr;

  explicit Uri(const P11Kit* library) : p11_kit(library), parsed(library->uri_new()) {}
  Uri(const Uri&) = delete;
  Uri& operator=(const Uri&) = delete;
  ~Uri() { p11_kit->uri_free(parsed); }
};

Error WrongUri(const std::string& why, const std::string& advice) {
  return Error{ErrorCode::kUsage, "token.uri", "this PKCS#11 URI " + why, advice};
}

constexpr const char* kUriExample =
    "as pkcs11:token=LABEL;object=KEY?module-path=/usr/lib/MODULE.so&pin-source=file:/FILE";

Result<std::unique_ptr<Uri>> ParseUri(const std::string& text) {
  const Result<const P11Kit*> p11_kit = LoadP11Kit();
  if (!p11_kit.ok()) return p11_kit.error();
  if (text.size() > kUriBytesMax) {
    return WrongUri("is longer than " + std::to_string(kUriBytesMax) + " bytes", "");
  }
  if (text.find('\0') != text.npos) return WrongUri("has a byte of zero in it", kUriExample);
  auto uri = std::make_unique<Uri>(*p11_kit);
  const int code = (*p11_kit)->uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri->parsed);
  if (code != P11_KIT_URI_OK)
    return WrongUri(std::string("cannot be read: ") + (*p11_kit)->uri_message(code), kUriExample);
  if ((*p11_kit)->uri_any_unrecognized(uri->parsed)) {
    return WrongUri("has a part that is not known",
                    "module-path and pin-source stand behind '?'; " + std::string(kUriExample));
  }
  if ((*p11_kit)->uri_get_pin_value(uri->parsed) != nullptr) {
    return WrongUri("has the PIN in it, which others then read",
                    std::string("pin-source=file:/FILE, or ") + Pkcs11Token::kPinVariable + " in the environment");
  }
  const char* module = (*p11_kit)->uri_get_module_path(uri->parsed);
  if (module == nullptr || module[0] != '/' || (*p11_kit)->uri_get_module_name(uri->parsed) != nullptr) {
    return WrongUri("does not say by its whole path which module to load", kUriExample);
  }
  if ((*p11_kit)->uri_get_attribute(uri->parsed, CKA_LABEL) == nullptr &&
      (*p11_kit)->uri_get_attribute(uri->parsed, CKA_ID) == nullptr) {
    return WrongUri("names no key", "object=LABEL or id=%01, whichever the key has; " + std::string(kUriExample));
  }
  const CK_ATTRIBUTE* kind = (*p11_kit)->uri_get_attribute(uri->parsed, CKA_CLASS);
  if (kind != nullptr && (kind->ulValueLen != sizeof(CK_OBJECT_CLASS) ||
                          *static_cast<const CK_OBJECT_CLASS*>(kind->pValue) != CKO_PRIVATE_KEY)) {
    return WrongUri("names another kind of object than a private key", "leave type= out, or type=private");
  }
  return uri;
}

// ---- the PIN

struct Pin {
  std::string text;
  Pin() = default;
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() { OPENSSL_cleanse(text.data(), text.size()); }
};

Result<void> ReadPin(const Uri& uri, Pin& pin) {
  const char* source = uri.p11_kit->uri_get_pin_source(uri.parsed);
  if (source == nullptr) {
    const char* value = std::getenv(Pkcs11Token::kPinVariable);
    pin.text = value == nullptr ? "" : value;
  } else {
    std::string path = source;
    if (path.starts_with("file:")) path.erase(0, 5);
    if (path.starts_with("//")) path.erase(0, 2);  // file:///…
    if (!path.starts_with('/')) return WrongUri("has a pin-source that is no file", "pin-source=file:/FILE");
    pin.text.assign(kPinBytesMax + 2, '\0');
    if (Result<void> read = ReadSecret(path, pin.text); !read.ok()) return read;
    while (pin.text.ends_with('\n') || pin.text.ends_with('\r')) pin.text.pop_back();
  }
  if (!pin.text.empty() && pin.text.size() <= kPinBytesMax) return {};
  return Refused(
      "token.no-pin", pin.text.empty() ? "there is no PIN for the token" : "the PIN for the token is longer than any",
      std::string("pin-source=file:/FILE (0600) in the URI, or ") + Pkcs11Token::kPinVariable + " in the environment");
}

// Those that a token has refused in this process, by digest.
std::set<std::string>& WrongPins() {
  static std::set<std::string> wrong;
  return wrong;
}

// ---- the token

std::string WordsOf(const Uri& uri, CK_RV code) {
  const char* words = uri.p11_kit->strerror(code);
  return words == nullptr ? "error " + std::to_string(code) : words;
}

Error Absent(const std::string& why) {
  return SystemFailure("token.absent", "the PKCS#11 token of this key is not there: " + why,
                       "plug it in, or correct the URI's token=");
}

Error Failure(const Uri& uri, const std::string& what, CK_RV code) {
  if (code == CKR_TOKEN_NOT_PRESENT || code == CKR_DEVICE_REMOVED || code == CKR_TOKEN_NOT_RECOGNIZED ||
      code == CKR_SLOT_ID_INVALID) {
    return Absent(WordsOf(uri, code));
  }
  return SystemFailure("token.failed", "the PKCS#11 token " + what + ": " + WordsOf(uri, code),
                       "its own tool may say more");
}

Error WrongTokenAnswer(const std::string& why) {
  return Malformed("token.answer", "the PKCS#11 token's answer " + why, "is this the right module for it?");
}

// A module that is loaded, and at most one session with one token.
class Session {
 public:
  explicit Session(const Uri& uri) : uri_(uri) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (session_) module_->C_CloseSession(*session_);
    if (is_initialized_) uri_.p11_kit->module_finalize(module_);
    if (module_ != nullptr) uri_.p11_kit->module_release(module_);
  }

  Result<void> FindToken() {
    const std::string path = uri_.p11_kit->uri_get_module_path(uri_.parsed);
    module_ = uri_.p11_kit->module_load(path.c_str(), P11_KIT_MODULE_CRITICAL);
    if (module_ == nullptr) {
      const char* why = uri_.p11_kit->message();
      return CannotLoad(path, why == nullptr ? "" : why);
    }
    if (const CK_RV code = uri_.p11_kit->module_initialize(module_); code != CKR_OK) {
      return CannotLoad(path, WordsOf(uri_, code));
    }
    is_initialized_ = true;
    CK_INFO about{};
    if (const CK_RV code = module_->C_GetInfo(&about); code != CKR_OK) return Failure(uri_, "says nothing", code);
    if (!uri_.p11_kit->uri_match_module_info(uri_.parsed, &about)) return Absent("the module is another one");
    CK_ULONG count = kSlotsMax;
    std::vector<CK_SLOT_ID> slots(count);
    if (const CK_RV code = module_->C_GetSlotList(CK_TRUE, slots.data(), &count); code != CKR_OK) {
      return Failure(uri_, "cannot be looked for", code);
    }
    slots.resize(std::min(count, kSlotsMax));
    std::optional<CK_SLOT_ID> found;
    for (const CK_SLOT_ID slot : slots) {
      CK_SLOT_INFO slot_info{};
      CK_TOKEN_INFO info{};
      if (module_->C_GetSlotInfo(slot, &slot_info) != CKR_OK || module_->C_GetTokenInfo(slot, &info) != CKR_OK)
        continue;
      if ((info.flags & CKF_TOKEN_INITIALIZED) == 0 || !uri_.p11_kit->uri_match_slot_info(uri_.parsed, &slot_info) ||
          !uri_.p11_kit->uri_match_token_info(uri_.parsed, &info)) {
        continue;
      }
      if (found) {
        return Refused("token.several", "the URI names more than one PKCS#11 token",
                       "add serial=, as the token has it");
      }
      found = slot;
      info_ = info;
    }
    if (!found) return Absent("none of the " + std::to_string(slots.size()) + " that the module shows is the URI's");
    slot_ = *found;
    return {};
  }

  Result<void> PinMayBeTried(AfterWrongPin after) const {
    if ((info_.flags & CKF_USER_PIN_LOCKED) != 0) return Locked();
    const bool is_last = (info_.flags & CKF_USER_PIN_FINAL_TRY) != 0;
    if (is_last || (after == AfterWrongPin::kRefuse && (info_.flags & CKF_USER_PIN_COUNT_LOW) != 0)) {
      return Refused("token.pin-count",
                     std::string("the last PIN that the PKCS#11 token got was wrong") +
                         (is_last ? ", and it locks after one more" : "") +
                         ": none is tried before it got the right one",
                     is_last ? "log in with the token's own tool" : "correct the PIN, then pawl key enrol once more");
    }
    return {};
  }

  Result<void> LogIn() {
    CK_SESSION_HANDLE session = 0;
    if (const CK_RV code = module_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
        code != CKR_OK) {
      return Failure(uri_, "opens no session", code);
    }
    session_ = session;
    if ((info_.flags & CKF_LOGIN_REQUIRED) == 0) return {};
    return LogInAs(CKU_USER);
  }

  // The one object of this kind that the URI names, with this id where the URI says none.
  Result<CK_OBJECT_HANDLE> Find(CK_OBJECT_CLASS kind, const std::optional<std::string>& id = std::nullopt) {
    std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &kind, sizeof kind}};
    for (const CK_ATTRIBUTE_TYPE type : {CKA_LABEL, CKA_ID}) {
      if (const CK_ATTRIBUTE* one = uri_.p11_kit->uri_get_attribute(uri_.parsed, type)) wanted.push_back(*one);
    }
    std::string bytes = id.value_or("");
    if (id && uri_.p11_kit->uri_get_attribute(uri_.parsed, CKA_ID) == nullptr)
      wanted.push_back({CKA_ID, bytes.data(), bytes.size()});
    if (const CK_RV code = module_->C_FindObjectsInit(*session_, wanted.data(), wanted.size()); code != CKR_OK) {
      return Failure(uri_, "cannot be searched", code);
    }
    std::array<CK_OBJECT_HANDLE, 2> found{};
    CK_ULONG count = 0;
    const CK_RV code = module_->C_FindObjects(*session_, found.data(), found.size(), &count);
    module_->C_FindObjectsFinal(*session_);
    if (code != CKR_OK) return Failure(uri_, "cannot be searched", code);
    const std::string half = kind == CKO_PRIVATE_KEY ? "private" : "public";
    if (count == 1) return found[0];
    if (count == 0) {
      return Error{ErrorCode::kNotFound, "token.no-key", "the PKCS#11 token has no " + half + " key that the URI names",
                   "correct its object= or id="};
    }
    return Refused("token.several", "the PKCS#11 token has more than one " + half + " key that the URI names",
                   "say both object= and id=");
  }

  // Nothing where the object has none.
  std::optional<std::string> Attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    std::string value(kAttributeBytesMax, '\0');
    CK_ATTRIBUTE asked{type, value.data(), value.size()};
    if (module_->C_GetAttributeValue(*session_, object, &asked, 1) != CKR_OK || asked.ulValueLen > value.size()) {
      return std::nullopt;
    }
    value.resize(asked.ulValueLen);
    return value;
  }

  Result<std::string> Sign(CK_OBJECT_HANDLE key, std::string_view message) {
    CK_MECHANISM mechanism{CKM_EDDSA, nullptr, 0};
    if (const CK_RV code = module_->C_SignInit(*session_, &mechanism, key); code != CKR_OK) {
      return Failure(uri_, "does not sign with Ed25519", code);
    }
    if (Attribute(key, CKA_ALWAYS_AUTHENTICATE) == std::string(1, CK_TRUE)) {
      if (Result<void> again = LogInAs(CKU_CONTEXT_SPECIFIC); !again.ok()) return again.error();
    }
    std::string text(message), signature(kAttributeBytesMax, '\0');
    CK_ULONG size = signature.size();
    const CK_RV code = module_->C_Sign(*session_, reinterpret_cast<CK_BYTE_PTR>(text.data()), text.size(),
                                       reinterpret_cast<CK_BYTE_PTR>(signature.data()), &size);
    if (code != CKR_OK) return Failure(uri_, "does not sign", code);
    if (size != 64) return WrongTokenAnswer("is no Ed25519 signature");
    signature.resize(size);
    return signature;
  }

 private:
  static constexpr size_t kAttributeBytesMax = 1'024;

  static Error CannotLoad(const std::string& path, const std::string& why) {
    return SystemFailure("token.module", "the PKCS#11 module '" + path + "' cannot be loaded: " + why,
                         "install it, or correct the URI's module-path");
  }

  static Error Locked() {
    return Refused("token.pin-locked", "the PKCS#11 token has locked itself after too many wrong PINs",
                   "its security officer unlocks it with its own tool");
  }

  // Does not ask where the token has refused this PIN before.
  Result<void> LogInAs(CK_USER_TYPE user) {
    Pin pin;
    if (Result<void> read = ReadPin(uri_, pin); !read.ok()) return read;
    const std::string serial(reinterpret_cast<const char*>(info_.serialNumber), sizeof info_.serialNumber);
    const std::string label(reinterpret_cast<const char*>(info_.label), sizeof info_.label);
    std::string told = serial + label + pin.text;
    const std::string tried = crypto::Sha256(told).Hex();
    OPENSSL_cleanse(told.data(), told.size());
    CK_RV code = CKR_PIN_INCORRECT;
    if (!WrongPins().contains(tried)) {
      code = module_->C_Login(*session_, user, reinterpret_cast<CK_BYTE_PTR>(pin.text.data()), pin.text.size());
    }
    if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN) return {};
    if (code == CKR_PIN_LOCKED) return Locked();
    if (code != CKR_PIN_INCORRECT && code != CKR_PIN_LEN_RANGE && code != CKR_PIN_INVALID) {
      return Failure(uri_, "lets nobody in", code);
    }
    WrongPins().insert(tried);
    return Refused("token.wrong-pin", "the PKCS#11 token refuses the PIN, which is not tried again",
                   "correct it, then pawl key enrol once more; tokens lock themselves after a few wrong ones");
  }

  const Uri& uri_;
  CK_FUNCTION_LIST* module_ = nullptr;
  bool is_initialized_ = false;
  CK_SLOT_ID slot_ = 0;
  CK_TOKEN_INFO info_{};
  std::optional<CK_SESSION_HANDLE> session_;
};

// One caller of a module at a time: who is logged in is the process's, and not the session's.
std::mutex& Turn() {
  static std::mutex turn;
  return turn;
}

// The private key, of the one kind that signs and does not leave the token.
Result<CK_OBJECT_HANDLE> FindPrivateKey(Session& session) {
  Result<CK_OBJECT_HANDLE> key = session.Find(CKO_PRIVATE_KEY);
  if (!key.ok()) return key;
  const CK_KEY_TYPE edwards = CKK_EC_EDWARDS;
  if (session.Attribute(*key, CKA_KEY_TYPE) != std::string(reinterpret_cast<const char*>(&edwards), sizeof edwards)) {
    return Refused("key.kind", "reviewers sign with Ed25519 keys, and this one in the token is of another kind",
                   "make an Ed25519 key in it (CKM_EC_EDWARDS_KEY_PAIR_GEN)");
  }
  const std::string yes(1, CK_TRUE), no(1, CK_FALSE);
  if (session.Attribute(*key, CKA_PRIVATE) != yes || session.Attribute(*key, CKA_SENSITIVE) != yes ||
      session.Attribute(*key, CKA_EXTRACTABLE) != no) {
    return Refused("token.exportable", "the key can be read out of the PKCS#11 token, or used without its PIN",
                   "make one that is private, sensitive and not extractable");
  }
  return key;
}

// CKA_EC_POINT: the 32 bytes, or an OCTET STRING of them; tokens differ.
Result<crypto::Ed25519PublicKey> ReadPoint(const std::optional<std::string>& point) {
  std::string_view raw = point ? std::string_view(*point) : std::string_view();
  if (raw.size() == 34 && raw.starts_with("\x04\x20")) raw.remove_prefix(2);
  if (raw.size() != 32) {
    return Refused("key.kind", "reviewers sign with Ed25519 keys, and the token's public key is none", "");
  }
  return crypto::Ed25519PublicKey::FromRaw(raw);
}

}  // namespace

Result<Pkcs11Token> Pkcs11Token::Parse(std::string_view uri) {
  std::string text(uri);
  const Result<std::unique_ptr<Uri>> parsed = ParseUri(text);
  return parsed.ok() ? Pkcs11Token(std::move(text)) : Result<Pkcs11Token>(parsed.error());
}

Result<void> Pkcs11Token::Check() const {
  const std::lock_guard turn(Turn());
  const Result<std::unique_ptr<Uri>> uri = ParseUri(uri_);
  if (!uri.ok()) return uri.error();
  Session session(**uri);
  if (Result<void> found = session.FindToken(); !found.ok()) return found;
  return session.PinMayBeTried(AfterWrongPin::kRefuse);
}

Result<crypto::Ed25519PublicKey> Pkcs11Token::PublicKey() const {
  const std::lock_guard turn(Turn());
  const Result<std::unique_ptr<Uri>> uri = ParseUri(uri_);
  if (!uri.ok()) return uri.error();
  Session session(**uri);
  if (Result<void> found = session.FindToken(); !found.ok()) return found.error();
  if (Result<void> may = session.PinMayBeTried(AfterWrongPin::kTry); !may.ok()) return may.error();
  if (Result<void> in = session.LogIn(); !in.ok()) return in.error();
  const Result<CK_OBJECT_HANDLE> secret = FindPrivateKey(session);
  if (!secret.ok()) return secret.error();
  const Result<CK_OBJECT_HANDLE> half = session.Find(CKO_PUBLIC_KEY, session.Attribute(*secret, CKA_ID));
  if (!half.ok()) return half.error();
  return ReadPoint(session.Attribute(*half, CKA_EC_POINT));
}

Result<std::string> Pkcs11Token::Sign(const crypto::Ed25519PublicKey& key, std::string_view message) const {
  const std::lock_guard turn(Turn());
  const Result<std::unique_ptr<Uri>> uri = ParseUri(uri_);
  if (!uri.ok()) return uri.error();
  Session session(**uri);
  if (Result<void> found = session.FindToken(); !found.ok()) return found.error();
  if (Result<void> may = session.PinMayBeTried(AfterWrongPin::kRefuse); !may.ok()) return may.error();
  if (Result<void> in = session.LogIn(); !in.ok()) return in.error();
  const Result<CK_OBJECT_HANDLE> secret = FindPrivateKey(session);
  if (!secret.ok()) return secret.error();
  Result<std::string> signature = session.Sign(*secret, message);
  if (signature.ok() && !key.Verify(message, *signature)) {
    return Refused("token.signature", "what the PKCS#11 token gave is no signature by the reviewer's key",
                   "the URI names another key; pawl key enrol shows which");
  }
  return signature;
}

}  // namespace pawl::signing
