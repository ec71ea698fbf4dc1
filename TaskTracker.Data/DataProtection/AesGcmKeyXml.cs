using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace TaskTracker.Data.DataProtection;

/// <summary>
/// Encrypts the XML of data protection's keys with AES-256-GCM. The full name of this class is stored with each key and
/// makes the decryptor again: do not rename it.
/// </summary>
internal sealed class AesGcmKeyXml(IServiceProvider services) : IXmlEncryptor, IXmlDecryptor
{
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly IOptions<SharedKeyOptions> _options = services.GetRequiredService<IOptions<SharedKeyOptions>>();

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var plain = Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting));
        var all = new byte[NonceSize + TagSize + plain.Length];
        RandomNumberGenerator.Fill(all.AsSpan(0, NonceSize));
        using var aes = CreateAes();
        aes.Encrypt(all.AsSpan(0, NonceSize), plain, all.AsSpan(NonceSize + TagSize), all.AsSpan(NonceSize, TagSize));

        return new EncryptedXmlInfo(new XElement("aesGcm", Convert.ToBase64String(all)), typeof(AesGcmKeyXml));
    }

    public XElement Decrypt(XElement encryptedElement)
    {
        var all = Convert.FromBase64String(encryptedElement.Value);
        var plain = new byte[all.Length - NonceSize - TagSize];
        using var aes = CreateAes();
        aes.Decrypt(all.AsSpan(0, NonceSize), all.AsSpan(NonceSize + TagSize), all.AsSpan(NonceSize, TagSize), plain);

        return XElement.Parse(Encoding.UTF8.GetString(plain));
    }

    private AesGcm CreateAes() => _options.Value.Key is null
        ? throw new InvalidOperationException(
            $"{SharedKeyOptions.SectionName}:{nameof(SharedKeyOptions.Key)} is missing: the stored keys are encrypted by it.")
        : new AesGcm(_options.Value.KeyBytes(), TagSize);
}
