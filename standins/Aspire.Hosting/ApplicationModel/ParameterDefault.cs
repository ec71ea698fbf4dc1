using System.Security.Cryptography;
using Aspire.Hosting.Publishing;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Makes the value of a parameter that was not configured.</summary>
public abstract class ParameterDefault
{
    public abstract void WriteToManifest(ManifestPublishingContext context);
    public abstract string GetDefaultValue();
}

/// <summary>A random password.</summary>
public sealed class GenerateParameterDefault : ParameterDefault
{
    // Without characters that look alike, and specials that survive connection strings, URIs and shells.
    private const string LowerCharacters = "abcdefghjkmnpqrstuvwxyz";
    private const string UpperCharacters = "ABCDEFGHJKMNPQRSTUVWXYZ";
    private const string NumericCharacters = "0123456789";
    private const string SpecialCharacters = "-_.{}~()*+!";

    public int MinLength { get; set; }
    public bool Lower { get; set; } = true;
    public bool Upper { get; set; } = true;
    public bool Numeric { get; set; } = true;
    public bool Special { get; set; } = true;
    public int MinLower { get; set; }
    public int MinUpper { get; set; }
    public int MinNumeric { get; set; }
    public int MinSpecial { get; set; }

    public override string GetDefaultValue()
    {
        var kinds = Kinds().Where(kind => kind.Allowed).ToList();
        if (kinds.Count == 0)
        {
            throw new InvalidOperationException("A generated parameter needs at least one kind of character.");
        }

        var required = kinds.SelectMany(kind => RandomNumberGenerator.GetItems<char>(kind.Characters, kind.Minimum)).ToArray();
        var any = string.Concat(kinds.Select(kind => kind.Characters));
        var length = Math.Max(MinLength, required.Length);
        char[] password = [.. required, .. RandomNumberGenerator.GetItems<char>(any, length - required.Length)];
        RandomNumberGenerator.Shuffle<char>(password);
        return new string(password);
    }

    public override void WriteToManifest(ManifestPublishingContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Writer.WriteStartObject("generate");
        context.Writer.WriteNumber("minLength", MinLength);
        foreach (var kind in Kinds())
        {
            if (!kind.Allowed)
            {
                context.Writer.WriteBoolean(kind.Name, false);
            }
        }

        foreach (var kind in Kinds())
        {
            if (kind.Minimum > 0)
            {
                context.Writer.WriteNumber("min" + char.ToUpperInvariant(kind.Name[0]) + kind.Name[1..], kind.Minimum);
            }
        }

        context.Writer.WriteEndObject();
    }

    private IEnumerable<(string Name, string Characters, bool Allowed, int Minimum)> Kinds() =>
    [
        ("lower", LowerCharacters, Lower, MinLower),
        ("upper", UpperCharacters, Upper, MinUpper),
        ("numeric", NumericCharacters, Numeric, MinNumeric),
        ("special", SpecialCharacters, Special, MinSpecial),
    ];
}
