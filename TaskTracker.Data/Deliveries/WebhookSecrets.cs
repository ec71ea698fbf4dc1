using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace TaskTracker.Data.Deliveries;

/// <summary>
/// The secrets that webhooks are signed with. They are kept sealed, because signing needs them again; a sealed one is
/// good for its owner's row alone.
/// </summary>
/// <param name="protection">The keys that every replica of both services shares.</param>
public sealed class WebhookSecrets(IDataProtectionProvider protection)
{
    private const string Purpose = "TaskTracker.WebhookSecrets";

    /// <summary>Makes a secret of 256 random bits.</summary>
    /// <returns>Text; its UTF-8 bytes are the key of the signature.</returns>
    public static string Create() => "whsec_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>Seals a secret.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="secret">The secret.</param>
    /// <returns>What may be stored.</returns>
    public string Seal(int owner, string secret) => ProtectorOf(owner).Protect(secret);

    /// <summary>Opens a sealed secret.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="stored">What was stored.</param>
    /// <returns>The secret.</returns>
    /// <exception cref="CryptographicException">It was sealed for another owner, or by keys that are not there any more.</exception>
    public string Open(int owner, string stored) => ProtectorOf(owner).Unprotect(stored);

    private IDataProtector ProtectorOf(int owner) =>
        protection.CreateProtector(Purpose, owner.ToString(CultureInfo.InvariantCulture));
}
